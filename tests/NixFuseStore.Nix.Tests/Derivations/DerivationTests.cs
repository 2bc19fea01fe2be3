using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Nix.Tests.Derivations;

public sealed class DerivationTests
{
    [Fact]
    public void Parse_OfNixsDerivations_PrintsTheSame()
    {
        foreach (var (_, text) in DerivationVectors.All)
        {
            Assert.Equal(text, Derivation.Text.GetString(DerivationVectors.Parse(text).ToBytes()));
        }
    }

    [Fact]
    public void ComputePath_OfNixsDerivations_IsTheirPath()
    {
        foreach (var (path, text) in DerivationVectors.All)
        {
            string name = StoreDirectory.Default.Parse(path).Name[..^".drv".Length];
            Assert.Equal(path, StoreDirectory.Default.Print(DerivationVectors.Parse(text).ComputePath(StoreDirectory.Default, name)));
        }
    }

    [Fact]
    public void Parse_EscapedTexts_AreUnescaped()
    {
        var derivation = DerivationVectors.Parse(DerivationVectors.WithInputs);
        Assert.Equal("a\nb\t\"q\"\\", derivation.Environment.Single(variable => variable.Key == "nl").Value);
        Assert.Equal(["lib", "out"], derivation.Outputs.Select(output => output.Name));
        Assert.Equal(2, derivation.InputDerivations.Count);
        Assert.Equal(3, derivation.References(StoreDirectory.Default).Count);
    }

    [Fact]
    public void Hashes_OfTheInputAddressedDerivation_AreNixs()
    {
        var derivation = DerivationVectors.Parse(DerivationVectors.InputAddressed);
        Assert.Equal("ec33771865d6f67f022d3b3be52f8cfff9a899c157cec23e0decb072d95e932f", DerivationHash.OfInput(derivation, NoInputs).ToHex());
        Assert.Equal("b4f255f62b06cacf1de4f6a0b0ac0cca750c2db22591db05efe39a488e4cafcc", DerivationHash.OfOutputs(derivation, NoInputs).ToHex());
    }

    [Fact]
    public void Hash_OfTheFixedDerivation_IsNixs() => Assert.Equal(
        "771ed2961762b5fb9ddd4842b09667f5792b8b82450de3901115ad84891cb874",
        DerivationHash.OfInput(DerivationVectors.Parse(DerivationVectors.Fixed), NoInputs).ToHex());

    [Fact]
    public void Hash_OfTheDerivationWithInputs_IsNixs() => Assert.Equal(
        "fbbc361768bb6e841691fb133cbbfbc561466f70fa10c6b6c286b17a26917c53",
        DerivationHash.OfOutputs(DerivationVectors.Parse(DerivationVectors.WithInputs), DerivationVectors.InputHash).ToHex());

    [Fact]
    public void OutputPaths_OfNixsDerivations_AreTheirPaths()
    {
        foreach (var (path, text) in DerivationVectors.All)
        {
            var derivation = DerivationVectors.Parse(text);
            string name = StoreDirectory.Default.Parse(path).Name[..^".drv".Length];
            var paths = DerivationHash.OutputPaths(derivation, name, StoreDirectory.Default, DerivationVectors.InputHash);
            Assert.Equal(
                derivation.Outputs.ToDictionary(output => output.Name, output => output.Path),
                paths.ToDictionary(output => output.Key, output => StoreDirectory.Default.Print(output.Value)));
        }
    }

    [Fact]
    public void OutputPaths_OfARecursiveFixedOutput_IsNixsPath()
    {
        var output = new DerivationOutput("out", "", "r:sha256", "1c37d01af40be2e80691de3cc3df44377a699afbb17c68f080964b2fd071fc13");
        Assert.Equal(
            "0n7b5gqzii0iqjam89f0wj4j6civhqmz-fodr",
            StorePathComputation.MakeFixed(StoreDirectory.Default, "fodr", output.ToContentAddress()).BaseName);
    }

    [Fact]
    public void OutputPaths_OfAFloatingOutput_IsNone()
    {
        string text = DerivationVectors.InputAddressed.Replace(
            "(\"out\",\"/nix/store/ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1\",\"\",\"\")", "(\"out\",\"\",\"r:sha256\",\"\")", StringComparison.Ordinal);
        Assert.Empty(DerivationHash.OutputPaths(DerivationVectors.Parse(text), "d1", StoreDirectory.Default, NoInputs));
    }

    [Fact]
    public void Parse_BytesThatAreNotUtf8_AreKept()
    {
        byte[] contents = Derivation.Text.GetBytes(DerivationVectors.InputAddressed.Replace("echo", "\u00ff\u0080", StringComparison.Ordinal));
        Assert.Equal(contents, Derivation.Parse(contents).ToBytes());
    }

    [Fact]
    public void Parse_TruncatedAnywhere_IsRefused()
    {
        byte[] contents = Derivation.Text.GetBytes(DerivationVectors.WithInputs);
        for (int length = 0; length < contents.Length; length++)
        {
            Assert.Throws<FormatException>(() => Derivation.Parse(contents.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Parse_AnyByteChanged_IsRefusedOrPrintsTheSame()
    {
        byte[] contents = Derivation.Text.GetBytes(DerivationVectors.WithInputs);
        for (int position = 0; position < contents.Length; position++)
        {
            contents[position] ^= 1;
            try
            {
                Assert.Equal(contents, Derivation.Parse(contents).ToBytes());
            }
            catch (FormatException exception)
            {
                Assert.DoesNotContain('\n', exception.Message);
            }

            contents[position] ^= 1;
        }
    }

    [Theory]
    [InlineData("Derive([],[],[],\"\",\"\",[],[])")]
    [InlineData("Derive([(\"b\",\"\",\"\",\"\"),(\"a\",\"\",\"\",\"\")],[],[],\"\",\"\",[],[])")]
    [InlineData("Derive([(\"a\",\"\",\"\",\"\"),(\"a\",\"\",\"\",\"\")],[],[],\"\",\"\",[],[])")]
    [InlineData("Derive([(\"out\",\"\",\"\",\"\")],[],[],\"\",\"\\x\",[],[])")]
    [InlineData("Derive([(\"out\",\"\",\"\",\"\")],[],[],\"\",\"\n\",[],[])")]
    [InlineData("Derive([(\"out\",\"\",\"\",\"\")],[],[],\"\",\"\",[],[]) ")]
    [InlineData("Derive([(\"out\",\"\",\"\",\"\")],[],[],\"\",\"\",[],[],)")]
    [InlineData("Derive([(\"out\",\"\",\"\",\"\"),],[],[],\"\",\"\",[],[])")]
    [InlineData("Derive([(\"o\nut\",\"\",\"\",\"\")],[],[],\"\",\"\",[],[])")]
    [InlineData("DrvWithVersion(\"xp-dyn-drv\",[],[],[],\"\",\"\",[],[])")]
    public void Parse_OtherText_IsRefused(string text) => Assert.Throws<FormatException>(() => DerivationVectors.Parse(text));

    private static NixHash NoInputs(string path) => throw new InvalidOperationException($"There is no input {path}.");
}
