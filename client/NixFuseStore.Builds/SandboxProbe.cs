using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Probe;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Builds;

/// <summary>
/// Proves, before a mount builds for the first time, that the sandbox of this host shuts the host out: a builder looks around in a cell as all
/// others do. Any thread.
/// </summary>
/// <param name="options">How the host builds.</param>
/// <param name="build">Has stock Nix build a step in a cell that also shows some paths of the host, as in nix.conf.</param>
internal sealed class SandboxProbe(HostBuilderOptions options, Func<BuildStep, BuildLog, IReadOnlyList<string>, CancellationToken, Task<CellResult>> build) : IDisposable
{
    private const string Name = "nixfuse-sandbox-probe";

    private const string WhatToAllow =
        "builds need user, mount, pid, network, ipc and uts namespaces: see user.max_user_namespaces, kernel.unprivileged_userns_clone, and in a container CAP_SYS_ADMIN";

    // Of the host: what no builder has any business with. Whatever is missing on the host is missing inside, too.
    private static readonly string[] s_hostPaths =
    [
        "/etc/nixfuse", "/etc/shadow", "/home", "/mnt", "/root", "/run", "/srv", "/sys", "/usr/bin", "/usr/share", "/var",
    ];

    private readonly SemaphoreSlim _turn = new(1);
    private bool _isOver;

    /// <summary>How it went, in words.</summary>
    internal string State { get; private set; } = "not tried yet";

    /// <summary>Comes back at once where it has been proven.</summary>
    /// <exception cref="CellException">The sandbox lets something of the host in, or cannot be set up.</exception>
    internal async Task RequireAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (!_isOver)
            {
                await TryAsync(cancellation).ConfigureAwait(false);
                _isOver = true;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async Task TryAsync(CancellationToken cancellation)
    {
        // 1. Looked around.
        if (await ProbeShell.FindAsync(cancellation).ConfigureAwait(false) is not { } shell)
        {
            GoOnUnproven($"this host has no {ProbeShell.Path} that a sandbox can be given");
            return;
        }

        var step = MakeStep();
        using var log = new BuildLog(options.Directory);
        CellResult built;
        try
        {
            built = await build(step, log, shell.SandboxPaths, cancellation).ConfigureAwait(false);
        }
        catch (CellException e) when (e.Message.Contains("unshare failed", StringComparison.Ordinal))
        {
            State = "cannot be set up";
            throw new CellException($"{e.Message.TrimEnd('.')}; {WhatToAllow}", e);
        }

        using var cell = built.Cell;
        switch (built.Result.Status)
        {
            case BuildStatus.Built:
                break;
            case BuildStatus.PermanentFailure:
                // The sandbox was there; the builder could not do its work.
                GoOnUnproven($"the builder that looks around failed: {built.Result.ErrorMessage.ReplaceLineEndings(" ")}");
                return;
            default:
                State = "cannot be set up";
                throw new CellException($"the sandbox cannot be set up: {built.Result.ErrorMessage.ReplaceLineEndings(" ").TrimEnd('.')}; {WhatToAllow}");
        }

        // 2. Compared.
        var output = step.Outputs.Values.Single();
        ProbeFindings findings;
        try
        {
            findings = ProbeFindings.Read(
                await File.ReadAllLinesAsync(cell.PathOf(output), cancellation).ConfigureAwait(false), options.Store.Directory.Print(output), BuildUsers.FirstId);
        }
        catch (FormatException e)
        {
            GoOnUnproven(e.Message);
            return;
        }

        if (findings.Leaks.Count > 0)
        {
            State = $"lets the host in: a builder sees {string.Join(", ", findings.Leaks)}";
            throw new CellException($"the sandbox of this host {State}");
        }

        State = "proven";
    }

    // Stock Nix is told to build in a sandbox or not at all.
    private void GoOnUnproven(string why)
    {
        State = $"not proven: {why}";
        options.Notice($"the sandbox of builds could not be tried out: {why}");
    }

    private BuildStep MakeStep()
    {
        var derivation = DerivationResolution.Resolve(
            new Derivation
            {
                Outputs = [new DerivationOutput("out", "", "", "")],
                InputDerivations = [],
                InputSources = [],
                Platform = options.Host.Systems[0],
                Builder = ProbeShell.Path,
                Arguments = ["-e", "-u", "-c", ProbeFindings.Script],
                Environment =
                [
                    new("hidden", string.Join('\n', [.. s_hostPaths, options.Directory, options.MountedStore, Path.GetDirectoryName(options.MountedStore) ?? "/", .. options.Secrets])),
                    new("name", Name),
                    new("newline", "\n"),
                    new("out", ""),
                ],
            },
            Name,
            options.Store.Directory,
            static (_, _) => throw new InvalidOperationException("it has no inputs"));
        return new BuildStep
        {
            Path = derivation.ComputePath(options.Store.Directory, Name),
            Derivation = derivation,
            Inputs = [],
            Outputs = derivation.Outputs.ToDictionary(static output => output.Name, output => options.Store.Directory.Parse(output.Path), StringComparer.Ordinal),
        };
    }
}
