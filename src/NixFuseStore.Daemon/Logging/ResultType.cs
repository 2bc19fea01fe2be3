namespace NixFuseStore.Daemon.Logging;

/// <summary>Numbers of what an activity may say while it goes on.</summary>
internal enum ResultType : ulong
{
    /// <summary>A line that a build printed.</summary>
    BuildLogLine = 101,

    /// <summary>The phase that a builder is in.</summary>
    SetPhase = 104,

    /// <summary>A line that a build's post-build hook printed.</summary>
    PostBuildLogLine = 107,
}
