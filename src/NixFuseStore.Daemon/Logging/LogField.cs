namespace NixFuseStore.Daemon.Logging;

/// <summary>A field of an activity: a text, or a number where there is none.</summary>
internal readonly record struct LogField(string? Text, ulong Number)
{
    public static implicit operator LogField(string text) => new(text, 0);

    public static implicit operator LogField(ulong number) => new(null, number);
}
