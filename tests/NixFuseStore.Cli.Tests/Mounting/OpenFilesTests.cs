using NixFuseStore.Cli.Mounting;

namespace NixFuseStore.Cli.Tests.Mounting;

public sealed class OpenFilesTests
{
    [Theory]
    [InlineData(OpenFiles.Minimum)]
    [InlineData(1024)]
    [InlineData(65_536)]
    [InlineData(long.MaxValue)]
    public void Clients_NeverTakeMoreThanHalfOfTheDescriptors(long limit)
    {
        Assert.InRange(OpenFiles.DaemonConnections(limit), 100, 1024);
        Assert.True(OpenFiles.DaemonConnections(limit) <= limit / 2);
    }
}
