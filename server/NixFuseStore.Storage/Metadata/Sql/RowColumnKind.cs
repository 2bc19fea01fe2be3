namespace NixFuseStore.Storage.Metadata.Sql;

internal enum RowColumnKind
{
    Text,
    Int,
    Big,
    Bytes,

    /// <summary>Bytes, 32 of them in each row.</summary>
    Digest,
}
