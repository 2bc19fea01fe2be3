using NixFuseStore.Cli;

return await Entry.RunAsync(args).ConfigureAwait(false);
