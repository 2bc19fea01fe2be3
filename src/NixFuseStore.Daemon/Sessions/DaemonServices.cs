using NixFuseStore.Daemon.Derivations;

namespace NixFuseStore.Daemon.Sessions;

/// <summary>What all sessions of a server share.</summary>
internal sealed class DaemonServices
{
    internal DaemonServices(IDaemonStore store, IBuilder builder, DaemonOptions options)
    {
        Store = store;
        Builder = builder;
        Options = options;
        Derivations = new DerivationLibrary(store);
        Outputs = new OutputResolver(store, Derivations);
    }

    /// <summary>The store.</summary>
    internal IDaemonStore Store { get; }

    /// <summary>What builds.</summary>
    internal IBuilder Builder { get; }

    /// <summary>The settings.</summary>
    internal DaemonOptions Options { get; }

    /// <summary>Derivations of the store, and their hashes.</summary>
    internal DerivationLibrary Derivations { get; }

    /// <summary>Where outputs are.</summary>
    internal OutputResolver Outputs { get; }
}
