namespace NixFuseStore.Daemon.Sessions;

/// <summary>What a client said with SetOptions, as far as it changes what this daemon does.</summary>
/// <param name="UseSubstitutes">Whether paths may be fetched from elsewhere.</param>
internal sealed record ClientSettings(bool UseSubstitutes)
{
    internal static readonly ClientSettings Default = new(UseSubstitutes: true);
}
