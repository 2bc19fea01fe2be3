using NixFuseStore.Cli.Commands;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Tests.Commands;

public sealed class PathPatternTests
{
    private const string Python = "i9pmrzmpshapij2kin22pff6fc2adavx-python3-3.11.2";

    [Theory]
    [InlineData("", true)]
    [InlineData("python", true)]
    [InlineData("Python3", true)]
    [InlineData("3.11", true)]
    [InlineData("i9pm", true)]
    [InlineData(Python, true)]
    [InlineData("/nix/store/" + Python, true)]
    [InlineData("/nix/store/i9pm", true)]
    [InlineData("pmrz", false)]
    [InlineData("perl", false)]
    [InlineData("/gnu/store/" + Python, false)]
    public void Paths_AreFoundByWhatPeopleCallThem(string text, bool found) =>
        Assert.Equal(found, PathPattern.Parse(text, StoreDirectory.Default).Matches(Python));

    [Fact]
    public void BaseName_IsAskedForAtTheServer_AWordIsNot()
    {
        Assert.Equal(Python, PathPattern.Parse(Python, StoreDirectory.Default).Prefix);
        Assert.Equal("", PathPattern.Parse("python", StoreDirectory.Default).Prefix);
    }
}
