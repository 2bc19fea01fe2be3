using System.Diagnostics.CodeAnalysis;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Logs;

/// <summary>
/// Build logs that were looked up: their nodes, and the text of the last ones. Logs never change, so what is dropped can be fetched again.
/// Any thread.
/// </summary>
internal sealed class LogFiles
{
    /// <summary>Logs that have a node at a time; the oldest node becomes stale.</summary>
    private const int NodesMax = 16_384;

    /// <summary>Bytes of text kept; the newest text always is.</summary>
    private const long TextBytesMax = 32 << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<StorePath, ulong> _nodes = [];
    private readonly Dictionary<ulong, StorePath> _derivations = [];
    private readonly Queue<ulong> _order = new();
    private readonly Dictionary<ulong, byte[]> _texts = [];
    private readonly Queue<ulong> _textOrder = new();
    private long _textBytes;
    private ulong _next = FixedNodes.LogFileFirst;

    /// <summary>Whose log a node is.</summary>
    public bool TryGetDerivation(ulong node, out StorePath derivation)
    {
        lock (_gate)
        {
            return _derivations.TryGetValue(node, out derivation);
        }
    }

    public bool TryGetText(ulong node, [NotNullWhen(true)] out byte[]? text)
    {
        lock (_gate)
        {
            return _texts.TryGetValue(node, out text);
        }
    }

    /// <summary>Keeps a text, and returns its node.</summary>
    public ulong Keep(StorePath derivation, byte[] text)
    {
        lock (_gate)
        {
            if (!_nodes.TryGetValue(derivation, out var node))
            {
                node = Add(derivation);
            }

            if (_texts.TryAdd(node, text))
            {
                _textOrder.Enqueue(node);
                _textBytes += text.Length;
                while (_textBytes > TextBytesMax && _textOrder.Count > 1)
                {
                    _texts.Remove(_textOrder.Dequeue(), out var oldest);
                    _textBytes -= oldest!.Length;
                }
            }

            return node;
        }
    }

    // Under the lock.
    private ulong Add(StorePath derivation)
    {
        if (_order.Count == NodesMax)
        {
            _derivations.Remove(_order.Dequeue(), out var oldest);
            _nodes.Remove(oldest);
        }

        var node = _next++;
        _nodes.Add(derivation, node);
        _derivations.Add(node, derivation);
        _order.Enqueue(node);
        return node;
    }
}
