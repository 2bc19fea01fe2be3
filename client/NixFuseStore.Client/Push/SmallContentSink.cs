using Google.Protobuf;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Push;

/// <summary>
/// Keeps the chunks of a path until there are more than may travel inline; from then on passes them on, those kept first.
/// </summary>
/// <param name="keeps">Whether to keep any at all.</param>
internal abstract class SmallContentSink(bool keeps) : IChunkSink, IDisposable
{
    private readonly List<HeldChunk> _kept = [];
    private int _keptBytes;
    private bool _passing = !keeps;

    /// <inheritdoc/>
    public virtual void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (!_passing)
        {
            _keptBytes += plain.Length;
            if (_keptBytes <= NewPathMessage.InlineBytesMax)
            {
                _kept.Add(HeldChunk.Copy(id, plain));
                return;
            }

            _passing = true;
            foreach (var held in _kept)
            {
                Pass(held.Id, held.Plain);
                held.Release();
            }

            _kept.Clear();
        }

        Pass(id, plain);
    }

    /// <summary>The chunks of a path that has few.</summary>
    internal IEnumerable<ByteString> TakeInline() =>
        _kept.DistinctBy(held => held.Id).Select(held => ByteString.CopyFrom(held.Plain));

    /// <inheritdoc/>
    public void Dispose()
    {
        _kept.ForEach(held => held.Release());
        _kept.Clear();
    }

    /// <summary>Sees to a chunk of a path that has many.</summary>
    protected abstract void Pass(in ChunkId id, ReadOnlySpan<byte> plain);
}
