namespace NixFuseStore.Content;

/// <summary>The 32 characters of a store path's hash part, as text in content and packed into 20 bytes in a header.</summary>
internal static partial class StoreHash
{
    public const int TextBytes = 32;
    public const int PackedBytes = 20;
}
