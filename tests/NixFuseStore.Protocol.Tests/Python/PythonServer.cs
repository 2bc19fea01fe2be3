using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace NixFuseStore.Protocol.Tests.Python;

/// <summary>A gRPC server by Debian's python3-grpcio: somebody else's implementation on the other side of the wire.</summary>
internal sealed class PythonServer : IDisposable
{
    private readonly Process _process;

    private PythonServer(Process process, int port, string leftFile)
    {
        _process = process;
        Port = port;
        LeftFile = leftFile;
    }

    public int Port { get; }

    /// <summary>Written by the server when the client of its endless stream has left.</summary>
    public string LeftFile { get; }

    public static PythonServer Start(params string[] tlsFiles)
    {
        if (!File.Exists("/usr/bin/python3"))
        {
            Assert.Skip("there is no /usr/bin/python3");
        }

        var left = Path.Combine(Path.GetTempPath(), "nixfuse-grpc-" + Guid.NewGuid().ToString("N"));
        var start = new ProcessStartInfo("/usr/bin/python3")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Python", "grpc_echo_server.py"));
        start.ArgumentList.Add(left);
        foreach (var file in tlsFiles)
        {
            start.ArgumentList.Add(file);
        }

        var process = Process.Start(start)!;
        if (!int.TryParse(process.StandardOutput.ReadLine(), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            var error = process.StandardError.ReadToEnd();
            process.Dispose();
            if (error.Contains("No module named 'grpc'", StringComparison.Ordinal))
            {
                Assert.Skip("python3-grpcio is not installed");
            }

            throw new InvalidOperationException(error);
        }

        // Whatever it has to say must not fill the pipe.
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        return new PythonServer(process, port, left);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5_000))
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        File.Delete(LeftFile);
    }
}
