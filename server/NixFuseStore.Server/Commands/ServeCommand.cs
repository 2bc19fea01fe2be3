using System.CommandLine;
using System.Runtime.InteropServices;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Settings;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server serve</c></summary>
internal static class ServeCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        var listen = new Option<string[]>("--listen")
        {
            Description = $"http://HOST:PORT or https://HOST:PORT; may be repeated (default: {ServerOptions.DefaultListen})",
            HelpName = "URL",
        };
        var certificate = new Option<string?>("--tls-certificate") { Description = "PEM file of the certificate and its chain", HelpName = "FILE" };
        var key = new Option<string?>("--tls-key") { Description = "PEM file of the certificate's private key", HelpName = "FILE" };
        var netrc = new Option<string?>("--netrc-file") { Description = "Users and passwords for upstream caches, in netrc form; read again when it changes", HelpName = "FILE" };
        var level = new Option<string?>("--log-level") { Description = "The least severe messages that are logged: error, warning, info (default) or debug (all requests)", HelpName = "LEVEL" };
        var metrics = new Option<string?>("--metrics") { Description = "PORT of loopback, or HOST:PORT: serves /metrics there without a token, and nothing else", HelpName = "ADDRESS" };
        var otlp = new Option<string?>("--otlp-endpoint") { Description = "Collector that metrics are sent to every minute, by OTLP over HTTP, as http://HOST:4318", HelpName = "URL" };
        var storage = new StorageArguments();
        var command = new Command("serve", "Serve stores until told to stop") { listen, certificate, key, netrc, level, metrics, otlp };
        storage.AddTo(command, withBlobs: true);
        command.SetAction((parsed, _) =>
        {
            var settings = SettingsFiles.Load().Server;
            var options = new ServerOptions(
                storage.Read(parsed, settings),
                parsed.GetValue(listen) is { Length: > 0 } given ? given : settings.Listen?.Value ?? [ServerOptions.DefaultListen])
            {
                TlsCertificateFile = parsed.GetValue(certificate) ?? settings.TlsCertificateFile?.Value,
                TlsKeyFile = parsed.GetValue(key) ?? settings.TlsKeyFile?.Value,
                NetrcFile = parsed.GetValue(netrc) ?? settings.NetrcFile?.Value,
                Metrics = Parse(parsed.GetValue(metrics), settings.Metrics, "--metrics", MetricsAddress.Parse),
                OtlpEndpoint = Parse(parsed.GetValue(otlp), settings.OtlpEndpoint, "--otlp-endpoint", MetricsExport.ParseEndpoint),
                LogLevel = ParseLevel(parsed.GetValue(level), settings.LogLevel),
                Log = error,
            };
            return (options.TlsCertificateFile is null) == (options.TlsKeyFile is null)
                ? RunAsync(options, output)
                : throw new FormatException("--tls-certificate and --tls-key belong together");
        });
        return command;
    }

    private static T? Parse<T>(string? given, Setting<string>? configured, string option, Func<string, T> parse)
        where T : class
    {
        try
        {
            return (given ?? configured?.Value) is { } text ? parse(text) : null;
        }
        catch (FormatException e)
        {
            throw given is null && configured is not null ? configured.Wrong(e.Message) : new FormatException($"{option}: {e.Message}", e);
        }
    }

    private static LogLevel ParseLevel(string? given, Setting<string>? configured)
    {
        try
        {
            return LineLogger.ParseLevel(given ?? configured?.Value ?? "info");
        }
        catch (FormatException e) when (given is null && configured is not null)
        {
            throw configured.Wrong(e.Message);
        }
    }

    /// <summary>Threads for others while verifications keep as many busy as there are cores; beyond its minimum the pool adds them too slowly.</summary>
    private const int SpareThreads = 16;

    private static async Task<int> RunAsync(ServerOptions options, TextWriter output)
    {
        ThreadPool.GetMinThreads(out var workers, out var completions);
        ThreadPool.SetMinThreads(workers + SpareThreads, completions);

        // The signals are caught from the first moment on, so that a stop during start-up is an orderly one too.
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            var server = await StoreServer.StartAsync(options, stop.Token).ConfigureAwait(false);
            await using (server.ConfigureAwait(false))
            {
                await PrintAsync(server, output, stop.Token).ConfigureAwait(false);
                await Task.Delay(Timeout.Infinite, stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop, and did.
        }

        return CommandRunner.ExitDone;
    }

    private static async Task PrintAsync(StoreServer server, TextWriter output, CancellationToken cancellation)
    {
        foreach (var (name, directory, publicKey) in await server.DescribeStoresAsync(cancellation).ConfigureAwait(false))
        {
            await output.WriteLineAsync($"store {name} ({directory}) public key {publicKey}").ConfigureAwait(false);
        }

        foreach (var address in server.Addresses)
        {
            await output.WriteLineAsync($"listening on {address}").ConfigureAwait(false);
        }

        await output.FlushAsync(cancellation).ConfigureAwait(false);
    }
}
