using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Cells;

/// <summary>Makes the cells of one mount.</summary>
/// <param name="directory">Where they lie.</param>
/// <param name="mountedStore">Where the mount shows paths.</param>
/// <param name="store">The store directory.</param>
/// <param name="settings">What stock Nix reads in them.</param>
/// <param name="notice">Told in one line what an operator should know.</param>
internal sealed class CellFactory(string directory, string mountedStore, StoreDirectory store, CellSettings settings, Action<string> notice) : IAsyncDisposable
{
    /// <summary>A cell is set up in a fraction of a second; what takes longer than this hangs.</summary>
    internal static readonly TimeSpan SetUpPatience = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ending = new();

    // Of the engine that was asked for last; null in it where the engine's schema is not known. Guarded by the gate.
    private (EngineVersion Engine, Task<CellDatabase?> Database)? _database;

    /// <summary>Makes one that knows the inputs, or is told of them by stock Nix once it starts.</summary>
    /// <param name="nix">The stock Nix that will build in it.</param>
    /// <param name="inputs">All that is valid in it.</param>
    /// <param name="isContentAddressed">Whether outputs get paths that depend on their content. Its database has other tables, which stock Nix makes.</param>
    /// <param name="sandboxPaths">What of the host builders see.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <exception cref="IOException">The disk does not take it.</exception>
    internal async Task<Cell> CreateAsync(
        StockNix nix, IReadOnlyCollection<PathInfo> inputs, bool isContentAddressed, IReadOnlyList<string> sandboxPaths, CancellationToken cancellation)
    {
        var database = !isContentAddressed && CellDatabase.Takes(inputs) ? await FindDatabaseAsync(nix, cancellation).ConfigureAwait(false) : null;
        var cell = Cell.Create(directory, store, settings.Text(isContentAddressed, sandboxPaths), notice);
        try
        {
            cell.Register(database, store, inputs);
            return cell;
        }
        catch
        {
            cell.Dispose();
            throw;
        }
    }

    /// <summary>Ends what runs, and waits for that. To be called when no cell is asked for any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        if (_database is { } made)
        {
            await ((Task)made.Database).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _ending.Dispose();
    }

    private async Task<CellDatabase?> FindDatabaseAsync(StockNix nix, CancellationToken cancellation)
    {
        try
        {
            return await GetDatabaseAsync(nix).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CellException or IOException or OperationCanceledException)
        {
            // The build itself will tell what is wrong with this Nix; the next one tries again.
            cancellation.ThrowIfCancellationRequested();
            return null;
        }
    }

    private Task<CellDatabase?> GetDatabaseAsync(StockNix nix)
    {
        var engine = EngineVersion.Of(nix);
        lock (_gate)
        {
            if (_database is not { } known || known.Engine != engine || known.Database is { IsCompleted: true, IsCompletedSuccessfully: false })
            {
                var before = _database?.Database;
                _database = known = (engine, Task.Run(() => MakeDatabaseAsync(nix, before)));
            }

            return known.Database;
        }
    }

    // In a cell as any other, which knows of nothing.
    private async Task<CellDatabase?> MakeDatabaseAsync(StockNix nix, Task? before)
    {
        // One after the other: only the last is waited for when this ends.
        await (before ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var cell = Cell.Create(directory, store, settings.Text(isContentAddressed: false, []), notice);
        var process = CellProcess.Start(cell, mountedStore, store, nix, nix.Store, "--load-db");
        await using (process.ConfigureAwait(false))
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
            patience.CancelAfter(SetUpPatience);
            await process.EndAsync(patience.Token).ConfigureAwait(false);
        }

        return CellDatabase.TakeFrom(cell.Directory);
    }

    /// <summary>One version of an engine: a host may get another Nix at any time.</summary>
    private readonly record struct EngineVersion(string Program, long Changed)
    {
        internal static EngineVersion Of(StockNix nix)
        {
            var file = new FileInfo(nix.Store);
            file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            return new EngineVersion(file.FullName, file.LastWriteTimeUtc.Ticks);
        }
    }
}
