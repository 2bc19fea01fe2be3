namespace NixFuseStore.Client.Roots;

/// <summary>From where a client's link was seen.</summary>
internal enum RootLinkView
{
    /// <summary>From this process's own root directory, so that it can be looked at again at any time.</summary>
    Own,

    /// <summary>From the client's root directory only, while the client lives.</summary>
    Client,
}
