using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Tests.Kernel;

public sealed class OpcodeTableTests
{
    [Fact]
    public void EveryOpcode_HasItsOwnLine()
    {
        var names = Enum.GetValues<FuseOpcode>().Select(opcode => OpcodeTable.Find(opcode).Name).ToArray();
        Assert.DoesNotContain("unknown", names);
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(54)]
    [InlineData(4096)]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    public void UnknownOpcode_IsNotImplemented(int opcode) =>
        Assert.Equal(OpcodeTreatment.NotImplemented, OpcodeTable.Find((FuseOpcode)opcode).Treatment);
}
