using System.Security.Cryptography;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Ingest;

/// <summary>A NAR that comes in pieces: parsed, hashed, blanked and cut as it comes, on the thread that brings it. Owns nothing of the sink's.</summary>
internal sealed class NarCutter : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ContentBuilder _builder;
    private readonly NarParser _parser;
    private readonly ulong _bytesMax;

    /// <param name="store">The store that the NAR is for.</param>
    /// <param name="sink">Gets the chunks.</param>
    /// <param name="bytesMax">The NAR may not be longer.</param>
    /// <param name="limits">Bounds of its tree.</param>
    /// <exception cref="RejectedRequestException">The store is cut by rules that are not known here.</exception>
    public NarCutter(StoreRecord store, IChunkSink sink, ulong bytesMax, ServerLimits limits)
    {
        _bytesMax = bytesMax;
        _builder = new ContentBuilder(new StoreDirectory(store.StoreDirectory), sink, Parameters(store));
        _parser = new NarParser(new TeeNarVisitor(_builder, new TreeBound(limits.SectionBytesMax)));
    }

    /// <summary>Takes the next bytes.</summary>
    /// <exception cref="RejectedRequestException">They are not those of a NAR that can be taken.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (_parser.Write(bytes) < bytes.Length)
            {
                throw new NarFormatException("The NAR has ended, but more bytes follow.");
            }

            if (_parser.BytesConsumed > _bytesMax)
            {
                throw new NarFormatException($"The NAR has more than {_bytesMax} bytes.");
            }
        }
        catch (Exception e) when (e is NarFormatException or ManifestFormatException)
        {
            throw Unreadable(e);
        }

        // The parser takes only what Nix itself writes, so the bytes need not be written out again to be hashed.
        _hash.AppendData(bytes);
    }

    /// <summary>Ends the NAR; its last chunks go to the sink. To be called once.</summary>
    /// <exception cref="RejectedRequestException">It has not ended.</exception>
    public (Manifest Manifest, NixHash Hash, ulong Size) Finish()
    {
        try
        {
            _parser.Complete();
            return (_builder.Finish(), new NixHash(NixHashAlgorithm.Sha256, _hash.GetHashAndReset()), _parser.BytesConsumed);
        }
        catch (Exception e) when (e is NarFormatException or ManifestFormatException)
        {
            throw Unreadable(e);
        }
    }

    public void Dispose() => _hash.Dispose();

    /// <summary>What is told of a NAR that is none, or of a file that should hold one.</summary>
    public static RejectedRequestException Unreadable(Exception e) => new($"the NAR cannot be read: {e.Message.TrimEnd('.')}");

    private static ChunkingParameters Parameters(StoreRecord store) => ChunkingParameters.TryGet((uint)store.ChunkingParameters, out var parameters)
        ? parameters
        : throw new RejectedRequestException($"store {store.Name} uses chunking parameters {store.ChunkingParameters}, which this server does not know");
}
