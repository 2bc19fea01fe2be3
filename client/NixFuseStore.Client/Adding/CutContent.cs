using Google.Protobuf;
using NixFuseStore.Client.Push;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Content that is blanked and cut here, on the thread that writes it, while its chunks are compressed and uploaded on others: only what
/// the server lacks crosses the network.
/// </summary>
internal sealed class CutContent : ImportContent
{
    private readonly ImportSink _sink;
    private readonly ContentBuilder _builder;
    private Manifest? _manifest;
    private ByteString[] _inline = [];

    internal CutContent(ImportPipeline pipeline, StoreDirectory directory, ChunkingParameters parameters)
    {
        _sink = new ImportSink(pipeline);
        _builder = new ContentBuilder(directory, _sink, parameters);
    }

    /// <inheritdoc/>
    internal override bool IsCutHere => true;

    /// <inheritdoc/>
    internal override Task Sent => _sink.Sent;

    /// <inheritdoc/>
    internal override INarVisitor Tree => _builder;

    /// <inheritdoc/>
    internal override ValueTask BeginAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken)
    {
        WriteSmall(nar.Span);
        return _sink.FlushAsync(cancellationToken);
    }

    /// <inheritdoc/>
    internal override ValueTask WriteAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken) => _sink.FlushAsync(cancellationToken);

    /// <summary>Takes all of a NAR that is too small to be sent before it is registered, or the beginning of another: its tree was not heard of yet.</summary>
    internal void WriteSmall(ReadOnlySpan<byte> nar) => new NarParser(_builder).Write(nar);

    /// <inheritdoc/>
    internal override void Finish()
    {
        _manifest = _builder.Finish();
        _inline = [.. _sink.TakeInline()];
    }

    /// <inheritdoc/>
    internal override async ValueTask SendRestAsync(CancellationToken cancellationToken)
    {
        await _sink.FlushAsync(cancellationToken).ConfigureAwait(false);
        _sink.Finish();
    }

    /// <inheritdoc/>
    internal override NewPath TryMakeMessage(PathInfo info) => NewPathMessage.Create(info, info.NarSize, _manifest!, _inline);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _sink.Close();
        return ValueTask.CompletedTask;
    }
}
