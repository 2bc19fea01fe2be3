namespace NixFuseStore.Daemon.Building;

/// <summary>How a build ended, by Nix's numbers; those that this daemon answers.</summary>
internal enum BuildStatus
{
    Built = 0,
    Substituted = 1,
    AlreadyValid = 2,
    MiscFailure = 9,
    NoSubstituters = 14,
}
