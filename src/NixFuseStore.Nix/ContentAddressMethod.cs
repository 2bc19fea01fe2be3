namespace NixFuseStore.Nix;

/// <summary>What of a store object a content address hashes.</summary>
public enum ContentAddressMethod
{
    /// <summary>The contents of a file that may have references: <c>text:sha256:…</c>. Every .drv is one.</summary>
    Text,

    /// <summary>The contents of a file: <c>fixed:sha256:…</c>.</summary>
    Flat,

    /// <summary>The NAR: <c>fixed:r:sha256:…</c>.</summary>
    Nar,

    /// <summary>The Git tree or blob: <c>fixed:git:sha1:…</c>. Experimental in Nix; here it is only read and printed.</summary>
    Git,
}
