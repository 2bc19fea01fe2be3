using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>What a binary cache has for some paths: found out by asking for all of it once, which also warms it.</summary>
internal sealed class CacheUrls
{
    private CacheUrls(string origin, string[] headers, IReadOnlyList<string> infos, IReadOnlyList<string> archives, double expansion) =>
        (Origin, Headers, Infos, Archives, Expansion) = (origin, headers, infos, archives, expansion);

    /// <summary>Scheme, host and port.</summary>
    public string Origin { get; }

    /// <summary>Header lines that each request needs.</summary>
    public string[] Headers { get; }

    /// <summary>URL paths of the .narinfo files.</summary>
    public IReadOnlyList<string> Infos { get; }

    /// <summary>URL paths of the NARs, as zstd.</summary>
    public IReadOnlyList<string> Archives { get; }

    /// <summary>Bytes of NARs per byte transferred.</summary>
    public double Expansion { get; }

    public static CacheUrls Read(string origin, string prefix, string? token, IEnumerable<string> hashParts)
    {
        using var http = new HttpClient { BaseAddress = new Uri(origin) };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Add("Authorization", "Bearer " + token);
        }

        List<string> infos = [], archives = [];
        ulong plain = 0, transferred = 0;
        foreach (var hashPart in hashParts)
        {
            infos.Add($"{prefix}/{hashPart}.narinfo");
            var info = NarInfo.Parse(http.GetStringAsync(infos[^1]).GetAwaiter().GetResult(), StoreDirectory.Default);
            if (info.Compression != "zstd")
            {
                throw new BenchmarkException($"{origin}{infos[^1]}: the NAR is compressed by {info.Compression}, not zstd");
            }

            archives.Add($"{prefix}/{info.Url}");
            plain += info.Info.NarSize;
            transferred += (ulong)http.GetByteArrayAsync(archives[^1]).GetAwaiter().GetResult().Length;
        }

        return new(origin, token is null ? [] : ["Authorization: Bearer " + token], infos, archives, (double)plain / transferred);
    }
}
