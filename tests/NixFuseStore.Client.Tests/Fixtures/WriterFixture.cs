using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A host: a connection, a reader and a writer.</summary>
internal sealed class WriterFixture : IAsyncDisposable
{
    private readonly ServerConnection _connection;

    private WriterFixture(ServerConnection connection, StoreReader reader, StoreWriter writer)
    {
        _connection = connection;
        Reader = reader;
        Writer = writer;
    }

    public StoreReader Reader { get; }

    public StoreWriter Writer { get; }

    /// <summary>How many paths an earlier writer had left in the journal.</summary>
    public int Recovered { get; private init; }

    public static async Task<WriterFixture> OpenAsync(TestServer server, StoreWriterOptions? options = null)
    {
        var connection = server.Connect();
        var reader = await connection.OpenAsync();
        var writer = new StoreWriter(connection, reader, options ?? new StoreWriterOptions());
        return new WriterFixture(connection, reader, writer) { Recovered = writer.Recover() };
    }

    public async Task<bool> IsValidAsync(StorePath path) => await Reader.FindWithClosureAsync(path, ReaderExtensions.Token) is not null;

    public async Task<byte[]> NarAsync(StorePath path)
    {
        var handle = await Reader.FindWithClosureAsync(path, ReaderExtensions.Token);
        Assert.NotNull(handle);
        using var nar = new MemoryStream();
        await Reader.WriteNarAsync(handle, nar, ReaderExtensions.Token);
        return nar.ToArray();
    }

    /// <summary>Ends without a server: what the journal holds stays there.</summary>
    public async Task CutOffAsync()
    {
        _connection.Dispose();
        await Writer.DisposeAsync();
        await Reader.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        await Reader.DisposeAsync();
        _connection.Dispose();
    }
}
