using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.Tests.Archives;

public sealed class NarHostileInputTests
{
    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("/")]
    [InlineData("a/b")]
    [InlineData("/etc")]
    [InlineData("a\0b")]
    [InlineData("\0")]
    public void Name_ThatNoFileCanHave_IsRefused(string name) => Refused(new NarTokens().DirectoryHead().Entry(name).End());

    [Theory]
    [InlineData("...")]
    [InlineData(".a")]
    [InlineData(" ")]
    [InlineData("\u00ff\u00fe")]
    public void Name_ThatAFileCanHave_IsTaken(string name) => Taken(new NarTokens().DirectoryHead().Entry(name).End());

    [Fact]
    public void Name_Length_IsBounded()
    {
        Taken(new NarTokens().DirectoryHead().Entry(new string('n', 255)).End());
        Refused(new NarTokens().DirectoryHead().Entry(new string('n', 256)).End());
    }

    [Theory]
    [InlineData("b", "a")]
    [InlineData("a", "a")]
    [InlineData("aa", "a")]
    [InlineData("a", "B")]
    [InlineData("\u00ff", "a")]
    public void Entries_NotAscending_AreRefused(string first, string second) =>
        Refused(new NarTokens().DirectoryHead().Entry(first).Entry(second).End());

    [Fact]
    public void Entries_AscendingByBytes_AreTaken() =>
        Taken(new NarTokens().DirectoryHead().Entry("B").Entry("a").Entry("aa").Entry("\u0080").Entry("\u00ff").End());

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void Target_ThatNoLinkCanHave_IsRefused(string target) => Refused(Link(target));

    [Fact]
    public void Target_Length_IsBounded()
    {
        Taken(Link(new string('t', 4095)));
        Refused(Link(new string('t', 4096)));
    }

    [Fact]
    public void Directories_Nesting_IsBounded()
    {
        Taken(Nested(NarLimits.DepthMax));
        Refused(Nested(NarLimits.DepthMax + 1));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 7)]
    [InlineData(1UL << 63)]
    [InlineData(1UL << 40)]
    [InlineData(17UL)]
    public void StringLength_Hostile_IsRefusedBeforeItsBytesCome(ulong length)
    {
        var parser = new NarParser(new TreeRecorder());
        Assert.Throws<NarFormatException>(() => parser.Write(new NarTokens().Number(length).ToArray()));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData((ulong)long.MaxValue)]
    public void FileSize_Hostile_IsRefused(ulong size) =>
        Refused(new NarTokens().Head().Strings("(", "type", "regular", "contents").Number(size));

    [Fact]
    public void FileSize_LargeButPossible_AllocatesNothing()
    {
        var parser = new NarParser(new SilentVisitor());
        parser.Write(new NarTokens().Head().Strings("(", "type", "regular", "contents").Number(1UL << 50).Raw(new byte[100]).ToArray());
        Assert.False(parser.IsComplete);
        Assert.Throws<NarFormatException>(parser.Complete);
    }

    [Fact]
    public void Padding_NotZero_IsRefused()
    {
        byte[] nar = NarVectors.Hello;
        int contents = nar.AsSpan().IndexOf("hello\n"u8);
        Refused(Changed(nar, contents + 6, 1));
        Refused(Changed(nar, contents + 7, 0x80));
        Refused(Changed(nar, 8 + "nix-archive-1".Length, 1));
    }

    [Theory]
    [InlineData("nix-archive-2", "(", "type", "regular", "contents", "x", ")")]
    [InlineData("nix-archive-1", "{", "type", "regular", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "kind", "regular", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "device", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "regular", ")")]
    [InlineData("nix-archive-1", "(", "type", "regular", "executable", "x", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "regular", "executable", "", "executable", "", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "regular", "contents", "x", "executable", "", ")")]
    [InlineData("nix-archive-1", "(", "type", "regular", "contents", "x", "contents", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "symlink", ")")]
    [InlineData("nix-archive-1", "(", "type", "symlink", "target", "x", "target", "x", ")")]
    [InlineData("nix-archive-1", "(", "type", "directory", "entry", "(", "node", "name", "x")]
    [InlineData("nix-archive-1", "(", "type", "directory", "entry", "(", "name", "x", ")", ")")]
    [InlineData("nix-archive-1", "(", "type", "directory", "type", "directory", ")")]
    public void Grammar_OtherStrings_AreRefused(params string[] strings) => Refused(new NarTokens().Strings(strings));

    [Fact]
    public void AnyByteChanged_ParsesToAnotherTreeOrIsRefused()
    {
        byte[] nar = NarVectors.Tiny;
        var original = new TreeRecorder();
        new NarParser(original).Write(nar);
        for (int position = 0; position < nar.Length; position++)
        {
            var recorder = new TreeRecorder();
            var parser = new NarParser(recorder);
            try
            {
                parser.Write(Changed(nar, position, (byte)(nar[position] ^ 1)));
                parser.Complete();
            }
            catch (NarFormatException)
            {
                continue;
            }

            Assert.NotEqual(original.Root!.Describe(), recorder.Root!.Describe());
        }
    }

    [Fact]
    public void Write_AfterARefusal_Throws()
    {
        var parser = new NarParser(new TreeRecorder());
        Assert.Throws<NarFormatException>(() => parser.Write(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }));
        Assert.Throws<InvalidOperationException>(() => parser.Write(NarVectors.Hello));
    }

    private static NarTokens Link(string target) => new NarTokens().Head().Strings("(", "type", "symlink", "target", target, ")");

    private static NarTokens Nested(int depth)
    {
        var nar = new NarTokens().DirectoryHead();
        for (int i = 1; i < depth; i++)
        {
            nar.Strings("entry", "(", "name", "d", "node", "(", "type", "directory");
        }

        for (int i = 1; i < depth; i++)
        {
            nar.Strings(")", ")");
        }

        return nar.End();
    }

    private static byte[] Changed(byte[] nar, int position, byte value)
    {
        byte[] changed = [.. nar];
        changed[position] = value;
        return changed;
    }

    private static void Taken(NarTokens nar)
    {
        byte[] bytes = nar.ToArray();
        var parser = new NarParser(new SilentVisitor());
        Assert.Equal(bytes.Length, parser.Write(bytes));
        parser.Complete();
    }

    private static void Refused(NarTokens nar) => Refused(nar.ToArray());

    private static void Refused(byte[] nar)
    {
        var exception = Assert.Throws<NarFormatException>(() => new NarParser(new SilentVisitor()).Write(nar));
        Assert.DoesNotContain('\n', exception.Message);
        Assert.DoesNotContain('\0', exception.Message);

        // Byte by byte it must come out the same.
        var parser = new NarParser(new SilentVisitor());
        Assert.Throws<NarFormatException>(() =>
        {
            foreach (byte value in nar)
            {
                parser.Write([value]);
            }
        });
    }

    private sealed class SilentVisitor : INarVisitor
    {
        public void EnterDirectory(ReadOnlySpan<byte> name)
        {
        }

        public void LeaveDirectory()
        {
        }

        public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
        {
        }

        public void FileData(ReadOnlySpan<byte> data)
        {
        }

        public void EndFile()
        {
        }

        public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
        {
        }
    }
}
