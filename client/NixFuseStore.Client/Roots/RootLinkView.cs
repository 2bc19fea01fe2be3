namespace NixFuseStore.Client.Roots;

/// <summary>From where a client's link was seen.</summary>
internal enum RootLinkView
{
    /// <summary>It could not be looked at: the client has gone, this user may not, or its file system does not answer. It may well be there.</summary>
    Unknown,

    /// <summary>It was looked for, and there is no link to a path of the store.</summary>
    None,

    /// <summary>From this process's own root directory, so that it can be looked at again at any time.</summary>
    Own,

    /// <summary>From the client's root directory only, while the client lives.</summary>
    Client,
}
