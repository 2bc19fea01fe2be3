using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Logs;

/// <summary>
/// Build logs that were looked up: their slots, and the text of the last ones. A slot stands for one text, so what is dropped can be fetched
/// again, by another process too. Any thread.
/// </summary>
internal sealed class LogFiles(NodeIdTable slots, Guid store)
{
    /// <summary>Bytes of text kept; the newest text always is.</summary>
    private const long TextBytesMax = 32 << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<uint, byte[]> _texts = [];
    private readonly Queue<uint> _textOrder = new();
    private long _textBytes;

    /// <summary>Whether a node is that of a log, and whose.</summary>
    public bool TryGetDerivation(NodeId node, out StorePath derivation)
    {
        derivation = default;
        return !node.IsFixed && node.Entry == 0 && slots.TryGetKey(node.Slot, out var key) && key.Kind == SlotKind.Log && key.Store == store
            && StorePath.TryParseBaseName(key.BaseName.AsSpan(), out derivation);
    }

    public bool TryGetText(NodeId node, [NotNullWhen(true)] out byte[]? text)
    {
        lock (_gate)
        {
            return _texts.TryGetValue(node.Slot, out text);
        }
    }

    /// <summary>Keeps a text, and returns its slot.</summary>
    public Slot Keep(StorePath derivation, byte[] text)
    {
        var slot = slots.GetOrAdd(new NodeIdKey(store, derivation.BaseName, ManifestDigest.Read(SHA256.HashData(text)), SlotKind.Log), inodes: 1);
        lock (_gate)
        {
            if (_texts.TryAdd(slot.Number, text))
            {
                _textOrder.Enqueue(slot.Number);
                _textBytes += text.Length;
                while (_textBytes > TextBytesMax && _textOrder.Count > 1)
                {
                    _texts.Remove(_textOrder.Dequeue(), out var oldest);
                    _textBytes -= oldest!.Length;
                }
            }
        }

        return slot;
    }
}
