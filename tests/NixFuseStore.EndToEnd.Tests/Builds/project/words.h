/* How many words the project's list has; -1 where it cannot be read. */
int count_words(void);
