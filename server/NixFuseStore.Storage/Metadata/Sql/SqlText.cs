namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>A statement with its named parameters; values are null, string, int, long or byte[].</summary>
internal readonly record struct SqlText(string Text, params (string Name, object? Value)[] Parameters)
{
    public static implicit operator SqlText(string text) => new(text);
}
