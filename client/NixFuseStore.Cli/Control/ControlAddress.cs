namespace NixFuseStore.Cli.Control;

/// <summary>A control socket of a directory that this user believes. Both are checked again at each connection.</summary>
/// <param name="Directory">The directory's path.</param>
/// <param name="Name">The socket's name in it.</param>
internal sealed record ControlAddress(string Directory, string Name);
