using System.Diagnostics;
using System.Runtime.InteropServices;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Commands;

/// <summary>The program itself, in a process of its own.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private const int SigTerm = 15;

    private readonly Process _process;
    private readonly Task<string> _error;

    private ServerProcess(Process process, bool readsError = true)
    {
        _process = process;
        _error = readsError ? process.StandardError.ReadToEndAsync(CancellationToken.None) : Task.FromResult("");
    }

    public Uri Address { get; private set; } = new("http://unknown");

    public string PublicKeyLine { get; private set; } = "";

    /// <summary>Starts <c>serve</c> and waits until it listens.</summary>
    public static async Task<ServerProcess> ServeAsync(string data, params string[] arguments)
    {
        return await ListensAsync(new ServerProcess(Start(["serve", "--data", data, "--listen", "http://127.0.0.1:0", .. arguments])));
    }

    /// <summary>As <see cref="ServeAsync"/>, with further variables in its environment.</summary>
    public static async Task<ServerProcess> ServeInAsync(Dictionary<string, string> environment, string data, params string[] arguments) =>
        await ListensAsync(new ServerProcess(Start("dotnet", [Program, "serve", "--data", data, "--listen", "http://127.0.0.1:0", .. arguments], environment)));

    /// <summary>As <see cref="ServeAsync"/>, under a umask.</summary>
    public static async Task<ServerProcess> ServeMaskedAsync(string mask, string data, params string[] arguments)
    {
        string[] command = ["-c", $"umask {mask}; exec \"$@\"", "sh", "dotnet", Program, "serve", "--data", data, "--listen", "http://127.0.0.1:0", .. arguments];
        return await ListensAsync(new ServerProcess(Start("sh", command, environment: null)));
    }

    /// <summary>As <see cref="ServeAsync"/>, with so many descriptors at most.</summary>
    public static async Task<ServerProcess> ServeLimitedAsync(int descriptors, string data, params string[] arguments)
    {
        string[] command = ["-c", $"ulimit -n {descriptors}; exec \"$@\"", "sh", "dotnet", Program, "serve", "--data", data, "--listen", "http://127.0.0.1:0", .. arguments];
        return await ListensAsync(new ServerProcess(Start("sh", command, environment: null)));
    }

    /// <summary>As <see cref="ServeAsync"/>, with a pipe for its log that nothing is read from.</summary>
    public static async Task<ServerProcess> ServeWithStuckLogAsync(string data, params string[] arguments) =>
        await ListensAsync(new ServerProcess(Start(["serve", "--data", data, "--listen", "http://127.0.0.1:0", .. arguments]), readsError: false));

    public int ProcessId => _process.Id;

    /// <summary>All that it wrote to standard error; to be asked for once it has ended.</summary>
    public Task<string> ErrorAsync() => _error;

    private static async Task<ServerProcess> ListensAsync(ServerProcess server)
    {
        const string Listening = "listening on ";
        while (await server._process.StandardOutput.ReadLineAsync(TestServer.Cancellation) is { } line)
        {
            if (line.StartsWith(Listening, StringComparison.Ordinal))
            {
                server.Address = new Uri(line[Listening.Length..]);
                return server;
            }

            server.PublicKeyLine = line;
        }

        throw new InvalidOperationException(await server._error);
    }

    /// <summary>Runs a command to its end.</summary>
    public static Task<(int Status, string Output, string Error)> RunAsync(params string[] arguments) => RunAsync(arguments, environment: null);

    /// <summary>As the other, with further variables in its environment.</summary>
    public static async Task<(int Status, string Output, string Error)> RunAsync(string[] arguments, Dictionary<string, string>? environment)
    {
        using var process = Start("dotnet", [Program, .. arguments], environment);
        var error = process.StandardError.ReadToEndAsync(TestServer.Cancellation);
        var output = await process.StandardOutput.ReadToEndAsync(TestServer.Cancellation);
        await process.WaitForExitAsync(TestServer.Cancellation);
        return (process.ExitCode, output, await error);
    }

    /// <summary>Asks it to stop.</summary>
    /// <returns>Its exit status.</returns>
    public async Task<int> TerminateAsync()
    {
        Assert.Equal(0, Kill(_process.Id, SigTerm));
        await _process.WaitForExitAsync(TestServer.Cancellation).WaitAsync(TimeSpan.FromSeconds(60));
        return _process.ExitCode;
    }

    /// <summary>Ends it without a word (SIGKILL).</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(TestServer.Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "nixfuse-server.dll");

    private static Process Start(string[] arguments) => Start("dotnet", [Program, .. arguments], environment: null);

    private static Process Start(string program, string[] arguments, Dictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
