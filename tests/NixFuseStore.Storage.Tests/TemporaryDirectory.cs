namespace NixFuseStore.Storage.Tests;

/// <summary>A directory that goes with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nixfuse-storage-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>A copy as a killed process would leave it at this moment; locks go with the process.</summary>
    public TemporaryDirectory Copy()
    {
        var copy = new TemporaryDirectory();
        foreach (string file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            string target = copy[System.IO.Path.GetRelativePath(Path, file)];
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var destination = File.Create(target);
            source.CopyTo(destination);
        }

        return copy;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
