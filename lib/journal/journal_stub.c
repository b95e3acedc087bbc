/* placeholder until the first source of this layer lands */
typedef int journal_not_empty;
