using System.Text;

namespace NixFuseStore.Nix.Tests;

public sealed class StorePathTests
{
    private const string Hash = "i9pmrzmpshapij2kin22pff6fc2adavx";

    [Theory]
    [InlineData("hello.txt")]
    [InlineData("a")]
    [InlineData("A-Z_09+?=.x")]
    [InlineData(".hidden")]
    [InlineData("...")]
    [InlineData("..a-b")]
    public void TryParseBaseName_GoodNames_Parse(string name)
    {
        Assert.True(StorePath.TryParseBaseName($"{Hash}-{name}", out var path));
        Assert.Equal(Hash, path.HashPart);
        Assert.Equal(name, path.Name);
        Assert.Equal($"{Hash}-{name}", path.ToString());
        Assert.True(StorePath.TryParseBaseName(Encoding.ASCII.GetBytes($"{Hash}-{name}"), out var again));
        Assert.Equal(path, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData(Hash)]
    [InlineData(Hash + "-")]
    [InlineData(Hash + "_x")]
    [InlineData(Hash + "-a b")]
    [InlineData(Hash + "-a/b")]
    [InlineData(Hash + "-a\0")]
    [InlineData(Hash + "-ä")]
    [InlineData(Hash + "-.")]
    [InlineData(Hash + "-..")]
    [InlineData(Hash + "-.-x")]
    [InlineData(Hash + "-..-x")]
    [InlineData("e9pmrzmpshapij2kin22pff6fc2adavx-x")]
    [InlineData("I9pmrzmpshapij2kin22pff6fc2adavx-x")]
    [InlineData("9pmrzmpshapij2kin22pff6fc2adavx-xx")]
    [InlineData("..")]
    public void TryParseBaseName_BadNames_AreRefused(string text)
    {
        Assert.False(StorePath.TryParseBaseName(text, out _));
        Assert.False(StorePath.TryParseBaseName(Encoding.UTF8.GetBytes(text), out _));
        Assert.Throws<FormatException>(() => StorePath.ParseBaseName(text));
    }

    [Fact]
    public void TryParseBaseName_NameLength_HasNixsBound()
    {
        Assert.True(StorePath.TryParseBaseName($"{Hash}-{new string('x', 211)}", out _));
        Assert.False(StorePath.TryParseBaseName($"{Hash}-{new string('x', 212)}", out _));
        Assert.False(StorePath.TryParseBaseName(new string('x', 100_000), out _));
    }

    [Fact]
    public void Order_IsBytewise()
    {
        string[] names = ["0", "A", "Z", "_", "a"];
        var paths = names.Select(name => StorePath.ParseBaseName($"{Hash}-{name}")).ToArray();
        Assert.Equal(paths, paths.Reverse().Order());
        Assert.True(paths[1] < paths[4]);
    }

    [Theory]
    [InlineData("/nix/store/" + Hash + "-x", Hash + "-x", "")]
    [InlineData("/nix/store/" + Hash + "-x/bin/y", Hash + "-x", "/bin/y")]
    [InlineData("/nix/store/" + Hash + "-x/", Hash + "-x", "/")]
    public void StoreDirectory_FullPaths_ParseWithTheRest(string text, string baseName, string rest)
    {
        Assert.True(StoreDirectory.Default.TryParse(text, out var path, out string actual));
        Assert.Equal(baseName, path.BaseName);
        Assert.Equal(rest, actual);
        Assert.Equal(rest.Length == 0, StoreDirectory.Default.TryParse(text, out _));
    }

    [Theory]
    [InlineData("/nix/store")]
    [InlineData("/nix/store/")]
    [InlineData("/nix/storex/" + Hash + "-x")]
    [InlineData("/nix/store//" + Hash + "-x")]
    [InlineData("/gnu/store/" + Hash + "-x")]
    [InlineData(Hash + "-x")]
    public void StoreDirectory_OtherPaths_AreRefused(string text)
    {
        Assert.False(StoreDirectory.Default.TryParse(text, out _, out _));
        Assert.Throws<FormatException>(() => StoreDirectory.Default.Parse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("nix/store")]
    [InlineData("/nix/store/")]
    [InlineData("/nix//store")]
    [InlineData("/nix/../store")]
    public void StoreDirectory_BadDirectories_AreRefused(string text) => Assert.Throws<FormatException>(() => new StoreDirectory(text));

    [Fact]
    public void StoreDirectory_Print_IsWhatParseReads()
    {
        var directory = new StoreDirectory("/opt/my/store");
        var path = StorePath.ParseBaseName($"{Hash}-x");
        Assert.Equal($"/opt/my/store/{Hash}-x", directory.Print(path));
        Assert.Equal(path, directory.Parse(directory.Print(path)));
        Assert.Equal("/opt/my/store/"u8.ToArray(), directory.PrefixBytes);
    }
}
