using Google.Protobuf;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Trees;

/// <summary>
/// Manifest sections: from the metadata cache, else from the server, one request at a time for a section. Any thread.
/// What is cached is a section's zstd frame, unverified: the caller that opens a section checks it against the path's header.
/// </summary>
internal sealed class SectionFetcher(ServerConnection connection, ServerHealth health, MetadataCache metadata, TimeProvider time)
{
    /// <summary>Sections named in one request.</summary>
    private const int SectionsPerRequestMax = 1024;

    /// <summary>A call whose deadline has all but passed is made all the same, to fail as calls do.</summary>
    private static readonly TimeSpan DeadlineMin = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<Key256, Task> _requests = [];
    private long _requestCount;

    /// <summary>Requests sent since the start.</summary>
    public long RequestCount => Volatile.Read(ref _requestCount);

    /// <summary>Keeps a section that came with a record.</summary>
    public void Keep(Section section)
    {
        if (section.Digest.Length != SectionDigest.Size || section.PlainLength == 0)
        {
            return;
        }

        var key = new MetadataKey(MetadataKind.Section, Key256.Read(section.Digest.Span));
        if (!metadata.Contains(in key))
        {
            metadata.Put(in key, section.Zstd.ToByteArray());
        }
    }

    public bool Has(SectionDigest digest) => metadata.Contains(KeyOf(digest));

    /// <summary>A section, opened and so checked against the header. Where what is cached does not verify, the server is asked once more.</summary>
    /// <param name="handle">The path.</param>
    /// <param name="section">Which; an empty one is not fetched.</param>
    /// <param name="open">Opens the plain bytes; throws <see cref="ManifestFormatException"/> where they are not the section.</param>
    /// <param name="deadline">How long it may take in all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StoreUnavailableException">The server cannot be asked.</exception>
    /// <exception cref="StoreVerificationException">What the server sends is not the section.</exception>
    public async ValueTask<T> GetAsync<T>(
        PathHandle handle, ManifestSection section, Func<PathHandle, byte[], T> open, TimeSpan deadline, CancellationToken cancellationToken)
        where T : class
    {
        if (handle.Header.GetLength(section) == 0)
        {
            return open(handle, []);
        }

        var started = time.GetTimestamp();
        for (var attempt = 0; ; attempt++)
        {
            if (TryOpen(handle, section, open) is { } opened)
            {
                return opened;
            }

            if (attempt == 2)
            {
                throw new StoreVerificationException(
                    $"the manifest of {handle.Path} does not verify: the server does not give its {section} section as signed");
            }

            await health.WaitUpAsync(Left(), cancellationToken).ConfigureAwait(false);
            await FetchAsync([(handle.Header, section)], Left(), cancellationToken).ConfigureAwait(false);
        }

        TimeSpan Left() => deadline - time.GetElapsedTime(started) is var left && left > DeadlineMin ? left : DeadlineMin;
    }

    /// <summary>Makes the server send those of the sections that are not here and not on their way. Waits for all of them.</summary>
    public async Task FetchAsync(IReadOnlyList<(ManifestHeader Header, ManifestSection Section)> wanted, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var missing = new List<SectionName>();
        var keys = new List<Key256>();
        HashSet<Task> others = [];
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            foreach (var (header, section) in wanted)
            {
                var digest = header.GetDigest(section);
                var key = KeyOf(digest).Name;
                if (header.GetLength(section) == 0 || metadata.Contains(KeyOf(digest)))
                {
                    continue;
                }

                if (_requests.TryGetValue(key, out var other))
                {
                    if (other != mine.Task)
                    {
                        others.Add(other);
                    }

                    continue;
                }

                _requests.Add(key, mine.Task);
                keys.Add(key);
                missing.Add(new SectionName
                {
                    ManifestDigest = UnsafeByteOperations.UnsafeWrap(header.Digest.ToArray()),
                    SectionDigest = UnsafeByteOperations.UnsafeWrap(digest.ToArray()),
                });
            }
        }

        if (missing.Count > 0)
        {
            // The request goes on when one of those who wait for it gives up.
            _ = RequestAsync(missing, keys, mine, deadline);
            others.Add(mine.Task);
        }

        foreach (var task in others)
        {
            await task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task RequestAsync(List<SectionName> missing, List<Key256> keys, TaskCompletionSource done, TimeSpan deadline)
    {
        Exception? failure = null;
        try
        {
            for (var start = 0; start < missing.Count; start += SectionsPerRequestMax)
            {
                Interlocked.Increment(ref _requestCount);
                var request = new GetSectionsRequest { Store = connection.StoreName };
                request.Sections.AddRange(missing.GetRange(start, Math.Min(SectionsPerRequestMax, missing.Count - start)));
                await connection.CallAsync(
                    async (endpoint, token) =>
                    {
                        await foreach (var response in endpoint.Store.GetSectionsAsync(request, deadline, token).ConfigureAwait(false))
                        {
                            foreach (var section in response.Sections)
                            {
                                Keep(section);
                            }
                        }

                        return true;
                    },
                    CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            failure = e;
            if (e is StoreUnavailableException)
            {
                health.Suspect();
            }
        }

        lock (_gate)
        {
            foreach (var key in keys)
            {
                _requests.Remove(key);
            }
        }

        if (failure is null)
        {
            done.SetResult();
        }
        else
        {
            done.SetException(failure);
            _ = done.Task.Exception;
        }
    }

    // Null: not there, or not what the header names; then it is forgotten.
    private T? TryOpen<T>(PathHandle handle, ManifestSection section, Func<PathHandle, byte[], T> open)
        where T : class
    {
        var key = KeyOf(handle.Header.GetDigest(section));
        if (metadata.TryRead(in key) is not { } frame)
        {
            return null;
        }

        var plain = GC.AllocateUninitializedArray<byte>(handle.Header.GetLength(section));
        if (Zstd.TryDecompress(frame, plain, out var written) && written == plain.Length)
        {
            try
            {
                return open(handle, plain);
            }
            catch (ManifestFormatException)
            {
                // A damaged cache or a lying server; asking again tells which.
            }
        }

        metadata.Remove(in key);
        return null;
    }

    private static MetadataKey KeyOf(SectionDigest digest)
    {
        Span<byte> bytes = stackalloc byte[SectionDigest.Size];
        digest.CopyTo(bytes);
        return new MetadataKey(MetadataKind.Section, Key256.Read(bytes));
    }
}
