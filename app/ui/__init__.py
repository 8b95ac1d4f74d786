"""What the user sees: state, views, words and actions. Nothing here touches the DOM."""
