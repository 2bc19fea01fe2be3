using NixFuseStore.Client.Trees;

namespace NixFuseStore.Client.Prefetch;

/// <summary>Chunks of one path that a prefetch asks for together.</summary>
internal sealed class PrefetchBatch(PathContent content)
{
    public PathContent Content { get; } = content;

    public List<int> Ordinals { get; } = [];

    /// <summary>Plain bytes.</summary>
    public long Bytes { get; set; }
}
