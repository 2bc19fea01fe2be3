namespace NixFuseStore.Settings;

/// <summary>A settings file cannot be used as it is. The message is one whole line for the user: file, line number, what is wrong, what to do.</summary>
public sealed class SettingsException : Exception
{
    /// <summary>Makes the exception.</summary>
    public SettingsException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
