namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A folder that goes with the test, whatever lies in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nixfuse-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        // Store paths are read-only, which a plain recursive delete does not get past.
        Command.Run("chmod", "-R", "u+w", Path);
        Command.Run("rm", "-rf", "--one-file-system", Path);
    }
}
