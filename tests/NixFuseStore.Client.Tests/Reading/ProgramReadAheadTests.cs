using System.Text;
using NixFuseStore.Client.Prefetch.Programs;
using NixFuseStore.Client.Tests.Fixtures;

namespace NixFuseStore.Client.Tests.Reading;

public sealed class ProgramReadAheadTests
{
    private readonly SourceStore _source = new(7);

    [Fact]
    public void TryRead_WholeFile_FindsSegmentsAndNames()
    {
        var file = TinyElf.Make(200_000, ["liba.so", "/abs/libb.so"], "/nix/store/x/lib:$ORIGIN/../lib", "/nix/store/y/ld.so");

        var head = ElfHead.TryRead(file.AsSpan(0, ElfHead.BytesMax), file.Length)!;
        Assert.Equal(3, head.Segments.Count);
        Assert.Equal("/nix/store/y/ld.so\0", Encoding.ASCII.GetString(file, (int)head.InterpreterPath.Offset, (int)head.InterpreterPath.Length));
        var dynamic = new ElfDynamic(head, file.AsSpan((int)head.DynamicSection.Offset, (int)head.DynamicSection.Length));
        var strings = file.AsSpan((int)dynamic.StringTable.Offset, (int)dynamic.StringTable.Length);
        Assert.Equal(["liba.so", "/abs/libb.so"], dynamic.NeededNames(strings));
        Assert.Equal(["/nix/store/x/lib", "$ORIGIN/../lib"], dynamic.SearchPath(strings));
    }

    [Fact]
    public void TryRead_TruncatedAnywhereOrChangedAnyhow_NeverThrowsNorLeavesTheFile()
    {
        var seed = Seeds.Take();
        var random = new Random(seed);
        var file = TinyElf.Make(20_000, ["liba.so"], "/nix/store/x/lib");
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = (byte[])file.Clone();
            for (var change = random.Next(4); change >= 0; change--)
            {
                var at = random.Next(3) == 0 ? file.Length - 4096 + random.Next(256) : random.Next(400);
                bytes[at] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(255 * random.Next(2));
            }

            Examine(bytes.AsSpan(0, i < file.Length ? i : bytes.Length), random.Next(4) == 0 ? i : bytes.Length);
        }
    }

    [Fact]
    public void Make_BigFile_NamesHeadTablesDataAndCodeHead()
    {
        var file = TinyElf.Make(4 << 20, ["liba.so"], "/nix/store/x/lib");
        var head = ElfHead.TryRead(file.AsSpan(0, ElfHead.BytesMax), file.Length)!;

        var ranges = ProgramPlan.Make(head, new ElfDynamic(head, file.AsSpan((int)head.DynamicSection.Offset, (int)head.DynamicSection.Length)));

        Assert.Equal(2, ranges.Count);
        Assert.Equal(0, ranges[0].Offset);
        Assert.Equal(file.Length, ranges[^1].End);
        Assert.InRange(ranges.Sum(r => r.Length), 64 << 10, 512 << 10);
    }

    [Fact]
    public async Task Read_StartOfAProgram_BringsItsLibraries()
    {
        await using var server = await TestServer.StartAsync();
        var inner = _source.Path("inner", SourceEntry.Directory(("lib", SourceEntry.Directory(("libinner.so.1", SourceEntry.File(TinyElf.Make(150_000, [], "")))))));
        var outer = _source.Path(
            "outer",
            SourceEntry.Directory(("lib", SourceEntry.Directory(
                ("libouter.so", SourceEntry.Link("libouter.so.1")),
                ("libouter.so.1", SourceEntry.File(TinyElf.Make(100_000, ["libinner.so.1"], $"/nix/store/absent/lib:/nix/store/{inner.Path}/lib")))))),
            inner);
        var program = _source.Path(
            "program",
            SourceEntry.Directory(
                ("bin", SourceEntry.Directory(
                    ("program", SourceEntry.File(TinyElf.Make(90_000, ["libown.so", "libouter.so"], $"$ORIGIN/../lib:/nix/store/{outer.Path}/lib"))),
                    ("script", SourceEntry.File("#! /nix/store/nowhere\n")))),
                ("lib", SourceEntry.Directory(("libown.so", SourceEntry.File(TinyElf.Make(80_000, [], "")))))),
            outer);
        var script = _source.Path("script", SourceEntry.File($"#! /nix/store/{program.Path}/bin/program -e\n{new string('#', 200)}"), program);
        await server.PushAsync(inner, outer, program, script);
        using var connection = server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(script);

        await reader.ReadAsync(handle, 0, 0, 100);

        var inners = await reader.FindAsync(inner);
        var tree = await reader.GetTreeAsync(inners, ReaderExtensions.Token);
        var library = tree.Entry("lib/libinner.so.1");
        var here = false;
        await ReaderExtensions.EventuallyAsync(
            () =>
            {
                // Only from memory: nobody asked for the library yet.
                if (reader.TryRead(inners, library, 0, 150_000, out var lease))
                {
                    here = true;
                    lease.Dispose();
                }

                return here;
            },
            "the innermost library arrives by itself");
        Assert.True(reader.Status.ReceivedPlainBytes > 300_000);
    }

    private static void Examine(ReadOnlySpan<byte> bytes, long length)
    {
        if (ElfHead.TryRead(bytes[..Math.Min(bytes.Length, ElfHead.BytesMax)], length) is not { } head)
        {
            return;
        }

        ElfDynamic? dynamic = null;
        if (head.DynamicSection is { Length: > 0 and <= ElfDynamic.BytesMax } section && section.End <= bytes.Length)
        {
            dynamic = new ElfDynamic(head, bytes.Slice((int)section.Offset, (int)section.Length));
            if (dynamic.StringTable is { Length: > 0 } table && table.End <= bytes.Length)
            {
                var strings = bytes.Slice((int)table.Offset, (int)table.Length);
                dynamic.NeededNames(strings);
                dynamic.SearchPath(strings);
            }
        }

        foreach (var range in ProgramPlan.Make(head, dynamic))
        {
            Assert.True(range.Offset >= 0 && range.Length > 0 && range.End <= length, $"{range} of {length}");
        }
    }
}
