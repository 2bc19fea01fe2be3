using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds;

/// <content>Builds that are done once more to be compared, on this host and for one client.</content>
public sealed partial class HostBuilder
{
    // A check is one client's alone.
    private async Task<StepResult> CheckAsync(BuildStep build, SharedBuild shared, CancellationToken cancellation)
    {
        if (_options.JobsMax == 0)
        {
            throw Failed(build, "max-jobs is 0 on this host, so that nothing is checked here");
        }

        await _slots.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            shared.IsRunning = true;
            var valid = await InputClosure.FindAsync(_options.Store, [.. build.Inputs, .. build.Outputs.Values], cancellation).ConfigureAwait(false);
            var result = (await _cells.BuildAsync(build, shared, valid, cancellation).ConfigureAwait(false)).Result;
            return result.IsSuccess ? await CompareAsync(build, result, cancellation).ConfigureAwait(false) : result;
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Compares where paths depend on content; of others stock Nix has seen to it.</summary>
    private async Task<StepResult> CompareAsync(BuildStep build, StepResult result, CancellationToken cancellation)
    {
        var known = await FindOutputsAsync(build, cancellation).ConfigureAwait(false);
        var other = build.RealisationIds.Keys.Where(name => known[name] != result.Outputs[name]).Order(StringComparer.Ordinal).ToArray();
        return other.Length == 0
            ? result
            : result with
            {
                Status = BuildStatus.NotDeterministic,
                ErrorMessage = $"derivation '{_options.Store.Directory.Print(build.Path)}' may not be deterministic: output "
                    + string.Join(", ", other.Select(name => $"'{_options.Store.Directory.Print(known[name])}' differs from '{_options.Store.Directory.Print(result.Outputs[name])}'")),
            };
    }
}
