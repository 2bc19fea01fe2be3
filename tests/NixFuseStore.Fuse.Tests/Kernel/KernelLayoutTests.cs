using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Tests.Kernel;

public sealed class KernelLayoutTests
{
    private const string KernelHeader = "/usr/include/linux/fuse.h";

    public static TheoryData<int> Layouts => new(Enumerable.Range(0, KernelLayouts.All.Length));

    [Theory]
    [MemberData(nameof(Layouts))]
    public void OurStruct_HasTheSizeAndOffsetsOfTheAbi(int index)
    {
        var layout = KernelLayouts.All[index];
        var (bytes, offsets) = layout.Measure();
        Assert.Equal(layout.Bytes, bytes);
        foreach (var (ours, _, offset) in layout.Fields)
        {
            Assert.True(offsets[ours] == offset, $"{layout.KernelName}.{ours} lies at {offsets[ours]}, not {offset}");
        }
    }

    [Fact]
    public async Task KernelHeader_HasTheSameSizesAndOffsets()
    {
        if (!File.Exists(KernelHeader))
        {
            Assert.Skip($"{KernelHeader} is missing");
        }

        // 1. A program that prints "name size" and "name.field offset".
        var source = new StringBuilder("#include <stddef.h>\n#include <stdio.h>\n#include <linux/fuse.h>\nint main(void) {\n");
        var expected = new StringBuilder();
        foreach (var layout in KernelLayouts.All)
        {
            source.Append(CultureInfo.InvariantCulture, $"printf(\"{layout.KernelName} %zu\\n\", sizeof(struct {layout.KernelName}));\n");
            expected.Append(CultureInfo.InvariantCulture, $"{layout.KernelName} {layout.Bytes}\n");
            foreach (var (_, theirs, offset) in layout.Fields)
            {
                source.Append(CultureInfo.InvariantCulture, $"printf(\"{layout.KernelName}.{theirs} %zu\\n\", offsetof(struct {layout.KernelName}, {theirs}));\n");
                expected.Append(CultureInfo.InvariantCulture, $"{layout.KernelName}.{theirs} {offset}\n");
            }
        }

        // 2. And every opcode that the header knows.
        foreach (var (name, opcode) in Opcodes())
        {
            source.Append(CultureInfo.InvariantCulture, $"printf(\"FUSE_{name} %d\\n\", FUSE_{name});\n");
            expected.Append(CultureInfo.InvariantCulture, $"FUSE_{name} {(int)opcode}\n");
        }

        source.Append("return 0; }\n");
        Assert.Equal(expected.ToString(), await CompileAndRunAsync(source.ToString()));
    }

    private static IEnumerable<(string Name, FuseOpcode Opcode)> Opcodes()
    {
        var header = File.ReadAllText(KernelHeader);
        foreach (var opcode in Enum.GetValues<FuseOpcode>())
        {
            var name = OpcodeTable.Find(opcode).Name;
            if (header.Contains($"\tFUSE_{name}\t", StringComparison.Ordinal))
            {
                yield return (name, opcode);
            }
        }
    }

    private static async Task<string> CompileAndRunAsync(string source)
    {
        var directory = Directory.CreateTempSubdirectory("fuse-layout-").FullName;
        try
        {
            var file = Path.Combine(directory, "layout.c");
            var program = Path.Combine(directory, "layout");
            await File.WriteAllTextAsync(file, source);
            await RunAsync("gcc", file, "-o", program);
            return await RunAsync(program);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.Equal(0, process.ExitCode);
            return output;
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{program} is missing");
            throw;
        }
    }
}
