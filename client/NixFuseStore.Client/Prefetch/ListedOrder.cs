using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Client.Trees;

namespace NixFuseStore.Client.Prefetch;

/// <summary>In which order paths were listed: who lists them so before he reads their files will read these in the same order. Bounded; any thread.</summary>
internal sealed class ListedOrder
{
    /// <summary>Paths remembered; with more, the memory begins anew.</summary>
    private const int PathsMax = 32_768;

    private readonly Lock _gate = new();
    private readonly Dictionary<PathHandle, PathHandle> _next = [];
    private PathHandle? _last;

    /// <summary>A path was listed.</summary>
    public void OnListed(PathHandle handle)
    {
        lock (_gate)
        {
            if (_last is not null && _last != handle)
            {
                if (_next.Count >= PathsMax)
                {
                    _next.Clear();
                }

                _next[_last] = handle;
            }

            _last = handle;
        }
    }

    /// <summary>The path that was listed behind another one.</summary>
    public bool TryGetNext(PathHandle handle, [NotNullWhen(true)] out PathHandle? next)
    {
        lock (_gate)
        {
            return _next.TryGetValue(handle, out next);
        }
    }
}
