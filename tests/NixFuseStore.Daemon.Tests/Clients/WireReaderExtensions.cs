using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>What a client expects to read.</summary>
internal static class WireReaderExtensions
{
    internal static async Task ExpectLastAsync(this WireReader reader) =>
        Assert.Equal(LogMessage.Last, (LogMessage)await reader.ReadNumberAsync());

    internal static async Task<string> ExpectLineAsync(this WireReader reader)
    {
        Assert.Equal(LogMessage.Next, (LogMessage)await reader.ReadNumberAsync());
        return await reader.ReadTextAsync();
    }

    /// <summary>Reads an error of 1.26 or later, or with <paramref name="minor"/> one of old.</summary>
    internal static async Task<string> ExpectErrorAsync(this WireReader reader, int minor = 38)
    {
        Assert.Equal(LogMessage.Error, (LogMessage)await reader.ReadNumberAsync());
        if (minor < 26)
        {
            string text = await reader.ReadTextAsync();
            Assert.StartsWith("error: ", text, StringComparison.Ordinal);
            Assert.InRange(await reader.ReadNumberAsync(), 1UL, 100UL);
            return text["error: ".Length..];
        }

        Assert.Equal("Error", await reader.ReadTextAsync());
        Assert.Equal(0UL, await reader.ReadNumberAsync());
        Assert.Equal("Error", await reader.ReadTextAsync());
        string message = await reader.ReadTextAsync();
        Assert.Equal(0UL, await reader.ReadNumberAsync());
        Assert.Equal(0UL, await reader.ReadNumberAsync());
        Assert.DoesNotContain('\n', message);
        return message;
    }

    internal static async Task ExpectEndAsync(this WireReader reader) => Assert.False(await reader.HasMoreAsync());

    internal static ValueTask<StorePath> ReadPathAsync(this WireReader reader) => reader.ReadPathAsync(StoreDirectory.Default);

    internal static ValueTask<List<StorePath>> ReadPathsAsync(this WireReader reader) => reader.ReadPathsAsync(StoreDirectory.Default);
}
