namespace NixFuseStore.Daemon.Logging;

/// <summary>How much a client wants to hear; Nix's verbosity.</summary>
internal enum LogLevel
{
    Error = 0,
    Warning = 1,
    Notice = 2,
    Info = 3,
    Talkative = 4,
    Chatty = 5,
    Debug = 6,
    Vomit = 7,
}
