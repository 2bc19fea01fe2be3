using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Writing;
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

    public static async Task<WriterFixture> OpenAsync(TestServer server, StoreWriterOptions? options = null)
    {
        var connection = server.Connect();
        var reader = await connection.OpenAsync();
        return new WriterFixture(connection, reader, new StoreWriter(connection, reader, options ?? new StoreWriterOptions()));
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

    /// <summary>Ends as a killed process does: nothing is waited for.</summary>
    public async Task KillAsync()
    {
        // The writer's calls fail with the connection, and its journal stays as it is.
        _connection.Dispose();
        await Reader.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        await Reader.DisposeAsync();
        _connection.Dispose();
    }
}
