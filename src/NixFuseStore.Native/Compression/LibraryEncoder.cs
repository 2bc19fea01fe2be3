using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

// An encoder of a library that keeps its state behind a struct of ours and remembers where that lies, so it lies outside of what the collector moves.
internal abstract unsafe class LibraryEncoder<TStream> : IEncoder
    where TStream : unmanaged
{
    private TStream* _stream = (TStream*)NativeMemory.AllocZeroed((nuint)sizeof(TStream));
    private bool _started;

    ~LibraryEncoder() => Free();

    protected TStream* Stream
    {
        get
        {
            ObjectDisposedException.ThrowIf(_stream is null, this);
            return _stream;
        }
    }

    public abstract bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    // Takes what the library said to being set up; where it refused, nothing is left behind.
    protected void Start(bool started, string library, int result)
    {
        _started = started;
        if (!started)
        {
            Dispose();
            throw new InvalidOperationException($"{library} could not make an encoder (code {result}).");
        }
    }

    // Lets the library put its state away.
    protected abstract void End(TStream* stream);

    private void Free()
    {
        if (_stream is null)
        {
            return;
        }

        if (_started)
        {
            End(_stream);
        }

        NativeMemory.Free(_stream);
        _stream = null;
    }
}
