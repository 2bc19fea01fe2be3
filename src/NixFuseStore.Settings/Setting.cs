namespace NixFuseStore.Settings;

/// <summary>A value out of a settings file.</summary>
/// <param name="Value">What the file says.</param>
/// <param name="Key">The key, as the file writes it.</param>
/// <param name="Origin">Where it says so, as <c>FILE:LINE</c>.</param>
public sealed record Setting<T>(T Value, string Key, string Origin)
{
    /// <summary>The error of a value that has the right type and is wrong all the same.</summary>
    /// <param name="problem">What is wrong with it, to stand behind "key is wrong: ".</param>
    public SettingsException Wrong(string problem) => new($"{Origin}: {Key} is wrong: {problem}");
}
