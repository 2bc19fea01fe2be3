using System.Text;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>
/// Sees that a program starts, and fetches at once what its loader would ask for piece by piece: the interpreter, all libraries that it needs and those
/// that they need, of each what <see cref="ProgramPlan"/> names. The loader then finds it here instead of waiting two or three round trips for
/// each library. A guess, so its failures are told to no caller: a program that really reads a file gets the error. Any thread.
/// </summary>
internal sealed class ProgramReadAhead(IStoreReader reader, IProgramFetcher fetcher, CancellationToken stop) : IDisposable
{
    /// <summary>Files that are looked into at the same time.</summary>
    private const int AtOnceMax = 64;

    /// <summary>Libraries deep; no real program comes near.</summary>
    private const int DepthMax = 24;

    private const int InterpreterBytesMax = 4096;

    /// <summary>Files remembered as looked into; with more, the memory begins anew.</summary>
    private const int StartedMax = 32_768;

    // Guarded by itself.
    private readonly HashSet<(ManifestDigest Manifest, int Entry)> _started = [];
    private readonly FileResolver _resolver = new(reader);
    private readonly SemaphoreSlim _turns = new(AtOnceMax);

    /// <summary>A file was read from its start for the first time.</summary>
    /// <param name="file">The file.</param>
    /// <param name="head">Its first bytes.</param>
    public void OnHead(StoreFile file, ReadOnlySpan<byte> head)
    {
        if ((head.StartsWith("\u007fELF"u8) || head.StartsWith("#!"u8)) && TryStart(in file))
        {
            _ = RunQuietlyAsync(file, 0);
        }
    }

    /// <summary>To be called when nothing runs any more, or after the token was cancelled.</summary>
    public void Dispose() => _turns.Dispose();

    private bool TryStart(in StoreFile file)
    {
        lock (_started)
        {
            if (_started.Count >= StartedMax)
            {
                _started.Clear();
            }

            return _started.Add((file.Handle.Digest, file.Entry));
        }
    }

    private async Task RunQuietlyAsync(StoreFile file, int depth)
    {
        try
        {
            await _turns.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                await RunAsync(file, depth).ConfigureAwait(false);
            }
            finally
            {
                _turns.Release();
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or ArgumentException)
        {
            // No caller asked for this. A read of the same is told the error.
        }
    }

    private async Task RunAsync(StoreFile file, int depth)
    {
        var length = (long)file.Tree.Size(file.Entry);
        var head = await ReadAsync(file, new FileRange(0, Math.Min(length, ElfHead.BytesMax))).ConfigureAwait(false);
        if (head.AsSpan().StartsWith("#!"u8))
        {
            await StartAsync(InterpreterOfScript(head), depth).ConfigureAwait(false);
            return;
        }

        if (ElfHead.TryRead(head, length) is not { } elf)
        {
            return;
        }

        // 1. What is sure without the dynamic section, which lies in it.
        fetcher.Fetch(file, ProgramPlan.Make(elf, null));
        if (elf.InterpreterPath is { Length: > 1 and <= InterpreterBytesMax } path)
        {
            var text = await ReadAsync(file, path).ConfigureAwait(false);
            await StartAsync(Encoding.UTF8.GetString(text.AsSpan().TrimEnd((byte)0)), depth).ConfigureAwait(false);
        }

        if (elf.DynamicSection.Length is 0 or > ElfDynamic.BytesMax)
        {
            return;
        }

        // 2. The loader's tables.
        var dynamic = new ElfDynamic(elf, await ReadAsync(file, elf.DynamicSection).ConfigureAwait(false));
        fetcher.Fetch(file, ProgramPlan.Make(elf, dynamic));
        if (dynamic.StringTable.Length == 0 || depth >= DepthMax)
        {
            return;
        }

        // 3. The libraries.
        var strings = await ReadAsync(file, dynamic.StringTable).ConfigureAwait(false);
        var origin = FileResolver.DirectoryOf(reader.Directory, in file);
        var directories = dynamic.SearchPath(strings);
        foreach (var name in dynamic.NeededNames(strings))
        {
            if (name.Contains('/', StringComparison.Ordinal))
            {
                await StartAsync(name, depth).ConfigureAwait(false);
                continue;
            }

            foreach (var directory in directories)
            {
                if (await StartAsync(Expand(directory, origin) + "/" + name, depth).ConfigureAwait(false))
                {
                    break;
                }
            }
        }
    }

    // True where there is such a file.
    private async ValueTask<bool> StartAsync(string path, int depth)
    {
        if (!path.StartsWith('/') || await _resolver.FindAsync(System.IO.Path.GetFullPath(path), stop).ConfigureAwait(false) is not { } file)
        {
            return false;
        }

        if (TryStart(in file))
        {
            _ = RunQuietlyAsync(file, depth + 1);
        }

        return true;
    }

    private ValueTask<byte[]> ReadAsync(StoreFile file, FileRange range) => fetcher.ReadAsync(file, range, stop);

    private static string Expand(string directory, string origin) =>
        directory.Replace("${ORIGIN}", origin, StringComparison.Ordinal).Replace("$ORIGIN", origin, StringComparison.Ordinal);

    private static string InterpreterOfScript(ReadOnlySpan<byte> head)
    {
        var line = head[2..];
        var end = line.IndexOf((byte)'\n');
        var text = Encoding.UTF8.GetString(end < 0 ? [] : line[..end]).Trim();
        var space = text.AsSpan().IndexOfAny(' ', '\t');
        return space < 0 ? text : text[..space];
    }
}
