using System.Diagnostics;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Tls;
using Xunit;

namespace NixFuseStore.Server.Tests.Grpc;

/// <summary>The server as Debian's python3-grpcio sees it: somebody else's implementation on the other side of the wire.</summary>
public sealed class PythonClientTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PythonClient_EveryKindOfCall_IsAnsweredAsGrpcSays(bool tls)
    {
        using var files = tls ? new CertificateFiles() : null;
        await using var server = await TestServer.StartAsync(tls ? "https://127.0.0.1:0" : "http://127.0.0.1:0", files);
        var output = await RunAsync([$"localhost:{server.Address.Port}", .. files is null ? Array.Empty<string>() : [files.CertificateFile]]);
        Assert.Equal(
            [
                "store True",
                "listed 1",
                "unknown store NOT_FOUND: there is no store 'none' here",
                "unknown method UNIMPLEMENTED: Method is unimplemented.",
                "wrong token UNAUTHENTICATED: the token is not known here, has expired, or was revoked",
                "cancelled CANCELLED",
                "health 0801 0801",
                "health of another service NOT_FOUND: there is no such service here",
                "health watched 0801",
                "reflected grpc.health.v1.Health grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection nixfuse.v1.Builds nixfuse.v1.Store",
                "health with a wrong token 0801",
                "reflected with a wrong token UNAUTHENTICATED: the token is not known here, has expired, or was revoked",
            ],
            output.Where(line => !line.StartsWith("garbage", StringComparison.Ordinal)
                && !line.StartsWith("compressed", StringComparison.Ordinal) && !line.StartsWith("watched", StringComparison.Ordinal)));
        Assert.Contains(output, line => line.StartsWith("garbage INVALID_ARGUMENT: ", StringComparison.Ordinal));
        Assert.Contains(output, line => line.StartsWith("compressed UNIMPLEMENTED: ", StringComparison.Ordinal));
        Assert.Contains(output, line => line.StartsWith("watched DEADLINE_EXCEEDED: ", StringComparison.Ordinal));
    }

    private static async Task<string[]> RunAsync(string[] arguments)
    {
        if (!File.Exists("/usr/bin/python3"))
        {
            Assert.Skip("there is no /usr/bin/python3");
        }

        var start = new ProcessStartInfo("/usr/bin/python3") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Grpc", "python_client.py"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestServer.Cancellation);
        var output = await process.StandardOutput.ReadToEndAsync(TestServer.Cancellation);
        await process.WaitForExitAsync(TestServer.Cancellation);
        if ((await error).Contains("No module named 'grpc'", StringComparison.Ordinal))
        {
            Assert.Skip("python3-grpcio is not installed");
        }

        Assert.True(process.ExitCode == 0, output + await error);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
