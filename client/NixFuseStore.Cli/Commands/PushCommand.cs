using System.CommandLine;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client.Push;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse push</c>: makes paths of a local Nix store valid on the server.</summary>
internal static class PushCommand
{
    /// <summary>How often the progress line changes.</summary>
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);

    public static Command Create()
    {
        var store = new StoreOptions();
        var from = new Option<string>("--from")
        {
            Description = "The root of the Nix store to push from (default: /)",
            HelpName = "STORE-ROOT",
            DefaultValueFactory = _ => "/",
        };
        var noClosure = new Option<bool>("--no-closure") { Description = "Push only these paths; what they refer to must be on the server" };
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Store paths, files inside them, or links to them such as ./result",
            Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command("push", "Push paths of a local Nix store, with all that they refer to") { from, noClosure, paths };
        store.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            store.Read(parsed),
            parsed.GetValue(from)!,
            parsed.GetValue(paths)!,
            new PushOptions { Closure = !parsed.GetValue(noClosure) },
            new CommandOutput(parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        StoreSettings settings, string from, string[] arguments, PushOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        using var store = LocalNixStore.Open(from);
        StorePath[] paths = [.. arguments.Select(argument => LocalPathArgument.Parse(argument, from, store.Directory)).Distinct()];
        using var connection = settings.Connect();
        var line = new ProgressLine(output.Error);
        var gate = new Lock();
        var pusher = new Pusher(connection, store, options)
        {
            PathDone = done =>
            {
                if (done.Message.Length > 0)
                {
                    lock (gate)
                    {
                        line.End();
                        output.Error.WriteLine($"nixfuse: {(done.Outcome == PushOutcome.Failed ? "cannot push " : "")}{store.Directory.Print(done.Path)}: {done.Message}");
                    }
                }
            },
        };

        PushResult result;
        using (var ticks = new Timer(_ => TryShow(), null, ProgressInterval, ProgressInterval))
        {
            try
            {
                result = await pusher.PushAsync(paths, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await ticks.DisposeAsync().ConfigureAwait(false);
                line.End();
            }
        }

        await output.Output.WriteLineAsync(PushReport.Summary(result, pusher.Progress)).ConfigureAwait(false);
        int failed = result.Count(PushOutcome.Failed);
        return failed == 0
            ? ExitStatus.Done
            : throw new CliException($"{failed} of {result.Paths.Count} paths were not pushed to store '{settings.Store}' on {settings.Server}; the lines above say why");

        void TryShow()
        {
            try
            {
                Show();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The terminal has gone; an exception that leaves a timer would end the push.
            }
        }

        void Show()
        {
            lock (gate)
            {
                line.Show(PushReport.Line(pusher.Progress));
            }
        }
    }
}
