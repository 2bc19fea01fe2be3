namespace NixFuseStore.Fuse.Mounting;

/// <summary>A line of the mount table.</summary>
/// <param name="Device">Device number as "major:minor", which names the mount's read-ahead settings too.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="Type">Type of file system, such as "fuse.nixfuse".</param>
/// <param name="Source">What it says it is mounted from.</param>
/// <param name="Options">Options of this mount, such as "ro".</param>
internal sealed record MountTableEntry(string Device, string MountPoint, string Type, string Source, IReadOnlyList<string> Options)
{
    public bool IsFuse => Type == "fuse" || Type.StartsWith("fuse.", StringComparison.Ordinal);
}
