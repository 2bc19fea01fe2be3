namespace NixFuseStore.Native.Compression;

/// <summary>The numbers of the .Z format.</summary>
internal static class Lzw
{
    internal const int BitsMin = 9;
    internal const int BitsMax = 16;
    internal const int ClearCode = 256;
    internal const int ClearFlag = 0x80;
}
