namespace NixFuseStore.Storage.Metadata;

/// <summary>A session as its owner names it.</summary>
/// <param name="Store">The store whose paths it keeps.</param>
/// <param name="Owner">Who opened it.</param>
/// <param name="Number">Unique in the database.</param>
public readonly record struct SessionId(StoreId Store, string Owner, long Number);
